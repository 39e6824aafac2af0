import { createApp } from "vue";
import zh from "@/locales/member.zh-CN.json";
import "@/shared/base.css";
import { give, i18n, preferred, speak } from "@/shared/i18n";
import App from "./App.vue";
import { router } from "./router";
import "./tokens.css";
import { arrive, visit } from "./visit";

give(zh, () => import("@/locales/member.en.json"));
await speak(preferred());
const app = createApp(App).use(i18n);
if (visit.preview) await (await import("./preview")).listen();
else await arrive();
app.use(router).mount("#app");
