import { createApp } from "vue";
import App from "./App.vue";
import { i18n, preferred, speak } from "./i18n";
import { router } from "./router";
import "./styles/tokens.css";

await speak(preferred());
createApp(App).use(i18n).use(router).mount("#app");
