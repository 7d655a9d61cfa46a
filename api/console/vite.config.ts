import tailwind from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** For `npm run dev`: the page is served by Vite, everything else by a server that runs. */
const SERVER = "http://127.0.0.1:9000";

export default defineConfig({
  plugins: [react(), tailwind()],
  build: { target: "es2023", assetsInlineLimit: 0, chunkSizeWarningLimit: 600, license: { fileName: "licences.md" } },
  server: { proxy: { "/api": SERVER, "/api-doc": SERVER, "/health": SERVER } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
