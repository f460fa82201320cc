import { svelte } from "@sveltejs/vite-plugin-svelte";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

// The back end of the application signs the tokens.
export default defineConfig({
  plugins: [vue(), svelte()],
  server: { proxy: { "/hub-token": { target: process.env.BACK_END, rewrite: () => "/token/bob/60" } } },
});
