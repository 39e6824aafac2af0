// Addresses of the console. A page is loaded when it is first opened.
import { createRouter, createWebHistory, type RouteRecordRaw } from "vue-router";
import { recall, session } from "./session";

declare module "vue-router" {
  interface RouteMeta {
    /** Without the frame. */
    bare?: boolean;
    /** For whoever comes. */
    open?: boolean;
    permission?: string;
    /** Without a program to look at. */
    whole?: boolean;
  }
}

const bare: RouteRecordRaw[] = [
  { path: "/login", name: "login", meta: { bare: true, open: true }, component: () => import("./pages/Login.vue") },
  { path: "/first-run", name: "first-run", meta: { bare: true, open: true }, component: () => import("./pages/FirstRun.vue") },
  { path: "/invitation", name: "invitation", meta: { bare: true, open: true }, component: () => import("./pages/Invitation.vue") },
];

const framed: RouteRecordRaw[] = [
  { path: "/", name: "dashboard", component: () => import("./pages/Dashboard.vue") },
  { path: "/customers", name: "customers", meta: { permission: "members.read" }, component: () => import("./pages/Customers.vue") },
  { path: "/customers/:id", name: "archive", meta: { permission: "members.read" }, component: () => import("./pages/Archive.vue") },
  { path: "/counter", name: "counter", meta: { permission: "counter.lookup" }, component: () => import("./pages/Counter.vue") },
  { path: "/tiers", name: "tiers", meta: { permission: "settings.read" }, component: () => import("./pages/Tiers.vue") },
  { path: "/points-rules", name: "points-rules", meta: { permission: "settings.read" }, component: () => import("./pages/PointsRules.vue") },
  { path: "/joining", name: "joining", meta: { permission: "settings.read" }, component: () => import("./pages/Joining.vue") },
  { path: "/decoration", name: "decoration", meta: { permission: "settings.read" }, component: () => import("./pages/Decoration.vue") },
  { path: "/campaigns", name: "campaigns", meta: { permission: "campaigns.read" }, component: () => import("./pages/Campaigns.vue") },
  { path: "/campaigns/:id", name: "campaign", meta: { permission: "campaigns.read" }, component: () => import("./pages/Campaign.vue") },
  { path: "/coupons", name: "coupons", meta: { permission: "campaigns.read" }, component: () => import("./pages/Coupons.vue") },
  { path: "/rfm", name: "rfm", meta: { permission: "analytics.read" }, component: () => import("./pages/Rfm.vue") },
  { path: "/figures", name: "figures", meta: { permission: "settings.read" }, component: () => import("./pages/Figures.vue") },
  { path: "/connections", name: "connections", meta: { permission: "connections.manage" }, component: () => import("./pages/Connections.vue") },
  { path: "/connections/:id", name: "connection", meta: { permission: "connections.manage" }, component: () => import("./pages/Connection.vue") },
  { path: "/connections/:id/settings", name: "connection-settings", meta: { permission: "settings.read" }, component: () => import("./pages/ConnectionSettings.vue") },
  {
    path: "/deliveries",
    name: "deliveries",
    meta: { permission: "deliveries.read" },
    component: () => import("./pages/Deliveries.vue"),
    children: [{ path: ":id", name: "delivery", component: () => import("./pages/Delivery.vue") }],
  },
  { path: "/orders/:id(ord_[a-z2-7]+)", name: "order-of", meta: { permission: "points.read" }, component: () => import("./pages/Order.vue") },
  { path: "/orders/:store/:number(.*)", name: "order", meta: { permission: "deliveries.read" }, component: () => import("./pages/Order.vue") },
  { path: "/endpoints", name: "endpoints", meta: { permission: "endpoints.manage" }, component: () => import("./pages/Endpoints.vue") },
  { path: "/endpoints/:id", name: "endpoint", meta: { permission: "endpoints.manage" }, component: () => import("./pages/Endpoint.vue") },
  {
    path: "/messages",
    name: "messages",
    meta: { permission: "messages.read" },
    component: () => import("./pages/Messages.vue"),
    children: [{ path: ":id", name: "message", component: () => import("./pages/Message.vue") }],
  },
  { path: "/stores", name: "stores", meta: { permission: "programs.read" }, component: () => import("./pages/Stores.vue") },
  { path: "/staff", name: "staff", meta: { permission: "staff.read" }, component: () => import("./pages/Staff.vue") },
  { path: "/staff/roles", name: "roles", meta: { permission: "staff.read" }, component: () => import("./pages/Roles.vue") },
  { path: "/staff/team", name: "team", meta: { permission: "staff.read" }, component: () => import("./pages/Team.vue") },
  { path: "/approvals", name: "approvals", meta: { permission: "approvals.read" }, component: () => import("./pages/Approvals.vue") },
  { path: "/keys", name: "keys", meta: { permission: "keys.manage" }, component: () => import("./pages/Keys.vue") },
  { path: "/jobs", name: "jobs", meta: { permission: "deliveries.replay members.export" }, component: () => import("./pages/Jobs.vue") },
  { path: "/dead-letters", name: "dead-letters", meta: { permission: "dead-letters.read" }, component: () => import("./pages/DeadLetters.vue") },
  { path: "/audit", name: "audit", meta: { permission: "audit.read" }, component: () => import("./pages/Audit.vue") },
  { path: "/account", name: "account", meta: { whole: true }, component: () => import("./pages/Account.vue") },
  { path: "/:rest(.*)*", name: "missing", meta: { whole: true }, component: () => import("./pages/Missing.vue") },
];

export const router = createRouter({
  history: createWebHistory("/console"),
  routes: [...bare, ...framed],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
});

router.beforeEach(async (to) => {
  if (!session.loaded) await recall();
  if (to.meta.open) return true;
  if (!session.current) return { name: "login", query: to.fullPath === "/" ? {} : { next: to.fullPath } };
  if (session.current.mfa.required && !session.current.mfa.enrolled) return { name: "first-run" };
  if (!session.program && !to.meta.whole) return { name: "first-run" };
  return true;
});
