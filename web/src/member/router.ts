// Addresses of a member centre, below that of its program. A page is loaded when it is first opened.
import { createRouter, createWebHistory } from "vue-router";
import Home from "./pages/Home.vue";
import { ownTexts } from "./texts";
import { standing, visit } from "./visit";

declare module "vue-router" {
  interface RouteMeta {
    /** For whom: whoever came in, members alone; else for everybody. */
    who?: "somebody" | "member";
    /** Which tab it belongs to; without one it has a way back. */
    tab?: "home" | "coupons" | "me";
  }
}

export const router = createRouter({
  history: createWebHistory(`/m/${visit.program}`),
  routes: [
    { path: "/", name: "home", meta: { tab: "home" }, component: Home },
    { path: "/coupons", name: "coupons", meta: { who: "member", tab: "coupons" }, component: () => import("./pages/Coupons.vue") },
    { path: "/me", name: "me", meta: { who: "member", tab: "me" }, component: () => import("./pages/Me.vue") },
    { path: "/sign-in", name: "sign-in", component: () => import("./pages/SignIn.vue") },
    { path: "/join", name: "join", meta: { who: "somebody" }, component: () => import("./pages/Join.vue") },
    { path: "/points", name: "points", meta: { who: "member" }, component: () => import("./pages/Points.vue") },
    { path: "/check-in", name: "check-in", meta: { who: "member" }, component: () => import("./pages/CheckIn.vue") },
    { path: "/consents", name: "consents", meta: { who: "member" }, beforeEnter: ownTexts, component: () => import("./pages/Consents.vue") },
    { path: "/my-data", name: "my-data", meta: { who: "member" }, beforeEnter: ownTexts, component: () => import("./pages/MyData.vue") },
    { path: "/erase", name: "erase", meta: { who: "member" }, component: () => import("./pages/Erase.vue") },
    { path: "/:rest(.*)*", redirect: { name: "home" } },
  ],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
});

router.beforeEach((to) => {
  if (!to.meta.who || visit.problem) return true;
  if (standing.value === "guest") return { name: "sign-in", query: { next: to.path } };
  if (to.meta.who === "member" && standing.value === "eligible") return { name: "join" };
  return true;
});
