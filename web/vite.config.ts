import vue from "@vitejs/plugin-vue";
import { ElementPlusResolver } from "unplugin-vue-components/resolvers";
import components from "unplugin-vue-components/vite";
import { defineConfig } from "vite";

const folder = import.meta.dirname;

export default defineConfig({
  base: "/",
  plugins: [
    vue(),
    components({
      dirs: [],
      dts: "src/generated/components.d.ts",
      resolvers: [ElementPlusResolver({ importStyle: "css" })],
    }),
  ],
  resolve: { alias: { "@": `${folder}/src` } },
  build: {
    outDir: `${folder}/../services/gateway/static`,
    emptyOutDir: true,
    assetsDir: "assets",
    assetsInlineLimit: 0,
    manifest: "manifest.json",
    rollupOptions: {
      input: { console: `${folder}/console.html`, member: `${folder}/member.html`, embed: `${folder}/src/embed/main.ts` },
      // Shops name the script of the module: it has one address for good.
      // It is no module there, so a function keeps its names from those of the page.
      output: {
        entryFileNames: ({ name }) => (name === "embed" ? "embed.js" : "assets/[name]-[hash].js"),
        banner: ({ name }) => (name === "embed" ? "(()=>{" : ""),
        footer: ({ name }) => (name === "embed" ? "})();" : ""),
      },
    },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8000", "/webhooks": "http://127.0.0.1:8000" } },
});
