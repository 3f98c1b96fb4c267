import { type Browser, chromium } from "playwright-core";

/** Debian's chromium, headless, with a fresh profile; it must not call home. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** A guard's browser in China. */
export const asInChina = { locale: "zh-CN", timezoneId: "Asia/Shanghai", viewport: { width: 1440, height: 900 } };
