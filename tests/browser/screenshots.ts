/**
 * Takes the pictures of docs/images: `node tests/browser/screenshots.ts [DIR]`. Needs Debian's chromium and
 * fonts-noto-cjk.
 */
import { join } from "node:path";
import { SystemClock } from "../../gateway/ops/system-clock.ts";
import { asInChina, openBrowser } from "./browser.ts";
import { FakeSite } from "./fake-site.ts";

const minute = 60_000;
const directory = process.argv[2] ?? "docs/images";

const site = new FakeSite(new SystemClock());
site.raise({
  rule: "access-denied-repeated",
  subject: "gate-east",
  zone: "east",
  severity: "minor",
  certainty: "likely",
  count: 4,
  agoMs: 41 * minute,
  zh: "东门人脸机连续拒绝通行 4 次。请查看现场，核实来人身份。",
  en: "东门人脸机 denied entry 4 times in a row. Look on site and verify who it is.",
});
const throwAlarm = site.raise({
  rule: "thrown-object",
  subject: "cam-b3",
  zone: "b3",
  severity: "major",
  certainty: "likely",
  agoMs: 12 * minute,
  zh: "3栋北高抛相机发现高空坠物（AI 判定，待人工核实）。请到楼下查看有无人员受伤，保留录像。",
  en: "3栋北高抛相机 saw an object fall (found by AI, verify on site). Check below whether anybody is hurt; keep the recording.",
});
site.desk.acknowledge(throwAlarm.id, { name: "张伟", via: "console" });
site.raise({
  rule: "device-offline",
  subject: "ext-garage",
  zone: "garage",
  severity: "major",
  agoMs: 3 * 60 * minute,
  zh: "车库灭火装置离线：设备无应答。请检查供电和网络。离线期间该处火情无法监测。",
  en: "车库灭火装置 is offline: it does not answer. Check power and network. A fire there cannot be seen meanwhile.",
});
site.raise({
  rule: "fire",
  subject: "ext-b3-2f",
  zone: "b3-u1",
  severity: "critical",
  agoMs: 72_000,
  zh: "3栋2层灭火装置：温度 71.5 °C，超过 68 °C，且 60 秒内上升 24 °C。请立即组织疏散并派人到场核实，确认后拨打119。",
  en: "3栋2层灭火装置: 71.5 °C, above 68 °C, and 24 °C up within 60 s. Evacuate, send somebody to verify, then call 119.",
});
site.setDevice("ext-garage", "offline");

const running = await site.start();
const browser = await openBrowser();
const sizes = [
  { name: "wide", width: 1440, height: 900 },
  { name: "phone", width: 390, height: 844 },
];
try {
  const context = await browser.newContext(asInChina);
  const page = await context.newPage();
  await page.goto(running.signInUrl ?? "");
  await page.waitForSelector(".card");
  for (const { name, width, height } of sizes) {
    await page.setViewportSize({ width, height });
    for (const language of ["zh", "en"]) {
      const path = join(directory, `alarms-${name}-${language}.png`);
      await page.screenshot({ path, animations: "disabled" });
      await page.click("[data-do=language]");
    }
  }
} finally {
  await browser.close();
  await running.close();
}
