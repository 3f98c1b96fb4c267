import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { defineRoute, type Route } from "./route.ts";

const types: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** What makes up the page, by the path under which it is served. Nothing else in the folder is reachable. */
const files: Record<string, string> = {
  "/": "index.html",
  "/sign-in": "index.html",
  "/style.css": "style.css",
  "/icon.svg": "icon.svg",
  "/app.js": "app.js",
  "/alarm-card.js": "alarm-card.js",
  "/alarm-list.js": "alarm-list.js",
  "/connection.js": "connection.js",
  "/desk.js": "desk.js",
  "/dom.js": "dom.js",
  "/language-button.js": "language-button.js",
  "/requests.js": "requests.js",
  "/shapes.js": "shapes.js",
  "/sign-in-form.js": "sign-in-form.js",
  "/status-bar.js": "status-bar.js",
  "/strangers.js": "strangers.js",
  "/time.js": "time.js",
  "/words.js": "words.js",
};

/** The page's files, read once at the start. A browser asks each time whether its copy is still the newest. */
export function webRoutes(): readonly Route[] {
  return Object.entries(files).map(([path, file]) => {
    const content = readFileSync(new URL(`web/${file}`, import.meta.url));
    const etag = `"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"`;
    const type = types[file.slice(file.lastIndexOf(".") + 1)] ?? "application/octet-stream";
    return defineRoute({
      method: "GET",
      path,
      access: "open",
      hidden: true,
      automatic: true,
      summary: `The page: ${file}`,
      answer: type,
      handle({ request, reply }) {
        reply.headers({ etag, "cache-control": "no-cache", "content-type": type });
        if (request.headers["if-none-match"] === etag) return reply.code(304).send();
        return reply.send(content);
      },
    });
  });
}
