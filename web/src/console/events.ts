// Types of events that an endpoint may ask for, as the API documents them.
export const OUTGOING = [
  "program-changed", "store-changed", "check-in", "activity", "customer-updated", "member-joined", "customer-linked",
  "tier-changed", "points-changed", "coupon-issued", "coupon-changed",
] as const;
