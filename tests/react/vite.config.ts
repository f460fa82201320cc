import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The back end of the application signs the tokens.
export default defineConfig({
  plugins: [react()],
  server: { proxy: { "/hub-token": { target: process.env.BACK_END, rewrite: () => "/token/bob/60" } } },
});
