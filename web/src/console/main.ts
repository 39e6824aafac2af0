import { createApp } from "vue";
import zh from "@/locales/zh-CN.json";
import "@/shared/base.css";
import { give, i18n, preferred, speak } from "@/shared/i18n";
import App from "./App.vue";
import { router } from "./router";
import "./styles/tokens.css";

give(zh, () => import("@/locales/en.json"));
await speak(preferred());
createApp(App).use(i18n).use(router).mount("#app");
