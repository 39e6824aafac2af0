// The left navigation: groups of pages in the order in which a shop works.
import type { IconName } from "./parts/Icon.vue";

export interface Entry {
  /** Name of the route, and of its label. */
  name: string;
  icon: IconName;
  /** One of several, with spaces between, suffices. */
  permission?: string;
}
export interface Group {
  key: string;
  entries: Entry[];
}

export const NAVIGATION: readonly Group[] = [
  { key: "start", entries: [{ name: "dashboard", icon: "home" }] },
  {
    key: "customers",
    entries: [
      { name: "customers", icon: "users", permission: "members.read" },
      { name: "counter", icon: "search", permission: "counter.lookup" },
    ],
  },
  {
    key: "programme",
    entries: [
      { name: "tiers", icon: "tiers", permission: "settings.read" },
      { name: "points-rules", icon: "points", permission: "settings.read" },
      { name: "joining", icon: "join", permission: "settings.read" },
    ],
  },
  {
    key: "marketing",
    entries: [
      { name: "campaigns", icon: "gift", permission: "campaigns.read" },
      { name: "coupons", icon: "coupon", permission: "campaigns.read" },
    ],
  },
  {
    key: "analytics",
    entries: [
      { name: "rfm", icon: "chart", permission: "analytics.read" },
      { name: "figures", icon: "gauge", permission: "settings.read" },
    ],
  },
  {
    key: "shop",
    entries: [
      { name: "connections", icon: "plug", permission: "connections.manage" },
      { name: "decoration", icon: "brush", permission: "settings.read" },
      { name: "deliveries", icon: "inbox", permission: "deliveries.read" },
      { name: "endpoints", icon: "send", permission: "endpoints.manage" },
      { name: "messages", icon: "message", permission: "messages.read" },
      { name: "stores", icon: "shop", permission: "programs.read" },
    ],
  },
  {
    key: "system",
    entries: [
      { name: "staff", icon: "staff", permission: "staff.read" },
      { name: "approvals", icon: "check", permission: "approvals.read" },
      { name: "keys", icon: "key", permission: "keys.manage" },
      { name: "jobs", icon: "clock", permission: "deliveries.replay members.export" },
      { name: "dead-letters", icon: "alert", permission: "dead-letters.read" },
      { name: "audit", icon: "audit", permission: "audit.read" },
    ],
  },
];
