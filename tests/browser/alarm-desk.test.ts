import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { RunningConsole } from "../../gateway/console/console.ts";
import { addUser } from "../../gateway/console/users.ts";
import { GatewayError } from "../../gateway/domain/errors.ts";
import { SystemClock } from "../../gateway/ops/system-clock.ts";
import { waitFor } from "../support/wait-for.ts";
import { asInChina, openBrowser } from "./browser.ts";
import { type FakeAlarm, FakeSite } from "./fake-site.ts";

const password = "correct gate lantern";
const fire: FakeAlarm = {
  rule: "fire",
  subject: "ext-b3-2f",
  zone: "b3-u1",
  severity: "critical",
  agoMs: 65_000,
  zh: "3栋2层灭火装置：温度 71.5 °C。请立即组织疏散。",
  en: "71.5 °C. Evacuate.",
};
const denied: FakeAlarm = {
  rule: "access-denied-repeated",
  subject: "gate-east",
  zone: "east",
  severity: "minor",
  certainty: "likely",
  zh: "东门人脸机连续拒绝通行 4 次。",
  en: "Denied 4 times.",
};

let browser: Browser;
let context: BrowserContext;
let page: Page;
let clock: SystemClock;
let site: FakeSite;
let console_: RunningConsole;
/** What the page complained about, and what it asked of others. */
let complaints: string[];
let foreign: string[];

beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

beforeEach(async () => {
  clock = new SystemClock();
  site = new FakeSite(clock);
  console_ = await site.start();
  context = await browser.newContext(asInChina);
  page = await newPage();
});
afterEach(async () => {
  await context.close();
  await console_.close();
  clock.close();
  expect(complaints).toEqual([]);
  expect(foreign).toEqual([]);
});

async function newPage(): Promise<Page> {
  complaints = [];
  foreign = [];
  const opened = await context.newPage();
  opened.on("pageerror", (error) => complaints.push(String(error)));
  opened.on("console", (message) => {
    // The browser itself reports refused sign-ins and a gateway that is down; these are the tests' own doing.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      complaints.push(message.text());
  });
  opened.on("request", (request) => {
    if (new URL(request.url()).hostname !== "127.0.0.1") foreign.push(request.url());
  });
  return opened;
}

async function signInByLink(): Promise<void> {
  await page.goto(console_.signInUrl ?? "");
  await page.waitForSelector('.calm[data-known="true"], .card');
}

// biome-ignore lint/performance/useDomNodeTextContent: what a person sees, without what is hidden
const textOf = (selector: string) => page.locator(selector).innerText();
const shows = (selector: string, text: string | RegExp) =>
  page.locator(selector).filter({ hasText: text }).first().waitFor({ timeout: 20_000 });
const cardOf = (alarm: { id: string }) => `[data-alarm="${alarm.id}"]`;

async function middleOf(selector: string): Promise<{ x: number; y: number }> {
  const box = await page.locator(selector).boundingBox();
  if (box === null) throw new Error(`${selector} is not on the screen`);
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

test("the one-time link leads to the desk and leaves no code in the address or the history", async () => {
  await signInByLink();
  expect(page.url()).toBe(`${console_.url}/`);
  expect(await textOf(".calm")).toContain("当前无报警");
  expect(await textOf(".calm")).toContain("正在监测 4 台设备，4 台在线");
  await page.reload();
  await page.waitForSelector(".calm");
  await page.goto("about:blank");
  await context.clearCookies();
  await page.goto(console_.signInUrl ?? "");
  await shows(".sign-in .outcome", "已失效");
});

test("name and password sign in; a wrong password says so and nothing of whether the name exists", async () => {
  await addUser({ dataDir: site.dataDir, name: "张伟", role: "guard", password });
  await page.goto(console_.url);
  await page.fill("[name=name]", "张伟");
  await page.fill("[name=password]", "not the password");
  await page.click("[type=submit]");
  await shows(".sign-in .outcome", /^姓名或密码不正确。$/);
  await page.fill("[name=password]", password);
  await page.click("[type=submit]");
  await page.waitForSelector(".calm");
  expect(await textOf(".who")).toContain("张伟");
  expect(await textOf(".who")).toContain("值班员");
  await page.click("[data-do=sign-out]");
  await page.waitForSelector(".sign-in");
});

test("an alarm appears without a reload, most urgent on top, with shape, word, place, age, certainty and what to do", async () => {
  await signInByLink();
  const lesser = site.raise(denied);
  await page.waitForSelector(cardOf(lesser));
  const alarm = site.raise(fire);
  await page.waitForSelector(cardOf(alarm));
  const order = await page
    .locator(".card")
    .evaluateAll((cards) => cards.map((card) => card.getAttribute("data-alarm")));
  expect(order).toEqual([alarm.id, lesser.id]);
  const text = await textOf(cardOf(alarm));
  for (const part of ["火警", "3栋1单元", "3栋2层灭火装置", "71.5 °C", "未确认", "已观测到", "1 分"])
    expect(text).toContain(part);
  expect(await textOf(cardOf(lesser))).toContain("很可能");
  const shapes = await page
    .locator(".band .shape path")
    .evaluateAll((paths) => paths.map((path) => path.getAttribute("d")));
  expect(new Set(shapes).size).toBe(2);
  const colours = await page.evaluate(
    "[...document.querySelectorAll('.band')].map((band) => getComputedStyle(band).backgroundColor)",
  );
  expect(colours).toEqual(["rgb(179, 0, 27)", "rgb(11, 92, 173)"]);
  expect(await page.title()).toContain("(2) 火警");
});

test("acknowledging is shown as done, on this screen and on another, and the card calms down", async () => {
  await signInByLink();
  const other = await context.newPage();
  await other.goto(console_.url);
  const alarm = site.raise(fire);
  await page.waitForSelector(cardOf(alarm));
  await other.waitForSelector(cardOf(alarm));
  await page.click(`${cardOf(alarm)} [data-do=acknowledge]`);
  await page.waitForSelector(`${cardOf(alarm)}[data-acknowledged="true"]`);
  expect(await textOf(cardOf(alarm))).toContain("确认已生效");
  expect(await textOf(cardOf(alarm))).toContain("已确认，仍在持续 · 一次性链接 确认");
  expect(await page.locator(`${cardOf(alarm)} [data-do=acknowledge]`).isVisible()).toBe(false);
  await other.waitForSelector(`${cardOf(alarm)}[data-acknowledged="true"]`);
  expect(site.desk.get(alarm.id)?.acknowledgedBy).toEqual({ name: "one-time-link", via: "console" });
});

test("a card that has just moved takes no tap that was meant for another one", async () => {
  await signInByLink();
  const lesser = site.raise(denied);
  await page.waitForSelector(cardOf(lesser));
  await page.waitForSelector(".cards:not([data-settling])");
  const { x, y } = await middleOf(`${cardOf(lesser)} [data-do=acknowledge]`);
  const hit = `document.elementFromPoint(${x}, ${y}).closest("button")?.dataset.do ?? "nothing"`;
  // Two frames on, the moved cards are painted: what would a finger hit now?
  await page.evaluate(`new MutationObserver(() => requestAnimationFrame(() => requestAnimationFrame(() => {
    window.hitAtOnce ??= ${hit};
  }))).observe(document.querySelector(".cards"), { childList: true })`);
  site.raise(fire);
  expect(await waitFor("the tap", () => page.evaluate<string | undefined>("window.hitAtOnce"))).toBe("nothing");
  await page.waitForSelector(".cards:not([data-settling])");
  expect(await page.evaluate(hit)).not.toBe("nothing");
});

test("closing asks what it turned out to be, keeps a half-written comment through news, and leaves the list", async () => {
  await signInByLink();
  const alarm = site.raise(fire);
  await page.waitForSelector(cardOf(alarm));
  await page.click(`${cardOf(alarm)} [data-do=close]`);
  await page.fill(`${cardOf(alarm)} textarea`, "烧水壶");
  site.desk.acknowledge(alarm.id, { name: "王芳", via: "console" });
  await page.waitForSelector(`${cardOf(alarm)}[data-acknowledged="true"]`);
  expect(await page.inputValue(`${cardOf(alarm)} textarea`)).toBe("烧水壶");
  await page.click(`${cardOf(alarm)} [type=submit]`);
  await shows(".card .outcome", "请先选择");
  await page.check(`${cardOf(alarm)} [value=false]`);
  await page.click(`${cardOf(alarm)} [type=submit]`);
  await page.waitForSelector('.calm[data-known="true"]');
  expect(site.desk.get(alarm.id)).toMatchObject({ state: "closed", disposition: "false", comment: "烧水壶" });
});

test("an act that the gateway refuses is shown as failed, with the reason, and the alarm stays as it was", async () => {
  await console_.close();
  const desk = {
    ...site.desk,
    acknowledge: () => {
      throw new GatewayError("DISK_FULL", "no space");
    },
  };
  console_ = await site.start({ desk });
  await signInByLink();
  const alarm = site.raise(fire);
  await page.waitForSelector(cardOf(alarm));
  await page.click(`${cardOf(alarm)} [data-do=acknowledge]`);
  await page.waitForSelector('.outcome[data-kind="bad"]:not(:empty)');
  expect(await textOf(`${cardOf(alarm)} .outcome`)).toBe("操作失败，未生效：网关磁盘无法写入");
  expect(await page.locator(`${cardOf(alarm)} [data-do=acknowledge]`).isEnabled()).toBe(true);
});

test("when the gateway stops, the data is shown as stale with its age and nothing can be pressed; when it is back, the page catches up by itself", async () => {
  await signInByLink();
  const alarm = site.raise(fire);
  await page.waitForSelector(cardOf(alarm));
  const { port } = console_;
  await console_.close();
  await page.waitForSelector(".bar:not([hidden])");
  expect(await textOf(".bar")).toMatch(/数据停在 \d\d:\d\d:\d\d，正在重连/);
  await shows(".bar", /已 [1-9]\d* 秒 没有数据/);
  expect(await page.locator("#page").getAttribute("data-stale")).toBe("");
  expect(await page.evaluate("getComputedStyle(document.querySelector('.cards')).filter")).toBe("grayscale(1)");
  await page.waitForSelector("[data-do=acknowledge]:disabled");
  const frozen = await textOf(`${cardOf(alarm)} .age`);
  site.desk.close(alarm.id, { name: "城市", via: "city" }, "true");
  const second = site.raise(denied);
  expect(await page.locator(cardOf(alarm)).isVisible()).toBe(true);
  expect(await textOf(`${cardOf(alarm)} .age`)).toBe(frozen);

  console_ = await site.start({ listen: { host: "127.0.0.1", port } });
  await page.waitForSelector(cardOf(second), { timeout: 20_000 });
  expect(await page.locator(cardOf(alarm)).count()).toBe(0);
  await page.waitForSelector(".bar", { state: "hidden" });
  expect(await textOf(".status .note")).toBe("连接已恢复，补收 2 条变化。");
  await page.waitForSelector("[data-do=acknowledge]:enabled");
});

test("while the gateway cannot be reached an empty list is unknown, not normal", async () => {
  await signInByLink();
  await console_.close();
  await shows(".calm", "当前情况不明");
  expect(await textOf(".calm")).not.toContain("当前无报警");
  console_ = await site.start();
});

test("devices that are silent, a city that is cut off and a disk that is full are told on the page", async () => {
  await signInByLink();
  site.setDevice("ext-garage", "offline");
  site.setDevice("cam-b3", "unknown");
  site.uplinkState = "down";
  site.storage = { writable: false, code: "DISK_FULL", bytes: 1 };
  await shows("[data-tile=devices]", "2/4");
  expect(await textOf("[data-tile=devices]")).toContain("1 台离线，1 台未上报");
  expect(await textOf(".calm")).toContain("2 台设备没有数据，其所在位置目前监测不到");
  expect(await textOf("[data-tile=city]")).toContain("中断");
  expect(await textOf("[data-tile=city]")).toContain("本地报警不受影响");
  expect(await textOf(".bar")).toBe("网关异常：数据无法写入磁盘");
});

test("what a device says is text, never markup", async () => {
  await signInByLink();
  const hostile = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
  const alarm = site.raise({ ...fire, subject: hostile, zh: hostile });
  await page.waitForSelector(cardOf(alarm));
  expect(await textOf(`${cardOf(alarm)} .why`)).toBe(hostile);
  expect(await page.locator(`${cardOf(alarm)} img, ${cardOf(alarm)} script`).count()).toBe(0);
});

test("a session that ends takes the alarms off the screen and says so", async () => {
  await signInByLink();
  site.raise(fire);
  await page.waitForSelector(".card");
  const cookies = await context.cookies();
  await fetch(`${console_.url}/api/session`, {
    method: "DELETE",
    headers: { cookie: cookies.map(({ name, value }) => `${name}=${value}`).join("; ") },
  });
  await page.waitForSelector(".signed-out", { timeout: 20_000 });
  expect(await textOf(".signed-out")).toContain("不再显示报警");
  expect(await page.locator(".card").count()).toBe(0);
});

test("the language switches as a whole and is remembered", async () => {
  await signInByLink();
  const alarm = site.raise(fire);
  await page.waitForSelector(cardOf(alarm));
  await page.click("[data-do=language]");
  expect(await page.locator("html").getAttribute("lang")).toBe("en");
  expect(await textOf(cardOf(alarm))).toContain("71.5 °C. Evacuate.");
  // Names that the site's people gave stay as they are; everything else is English.
  const own = ["金水湾小区", "3栋1单元", "3栋2层灭火装置", "中文"];
  const rest = own.reduce((text, name) => text.replaceAll(name, ""), await textOf("body"));
  expect(rest).not.toMatch(/\p{Script=Han}/u);
  await page.reload();
  await page.waitForSelector(cardOf(alarm));
  expect(await page.locator("html").getAttribute("lang")).toBe("en");
});

test.each([
  ["a phone", 390, 844],
  ["a narrow phone", 320, 640],
])("on %s nothing runs off the side and every button can be hit with a thumb", async (_what, width, height) => {
  await page.setViewportSize({ width, height });
  await signInByLink();
  const alarm = site.raise({ ...fire, zh: "很长的说明".repeat(60) });
  await page.waitForSelector(cardOf(alarm));
  await page.click(`${cardOf(alarm)} [data-do=close]`);
  const overflow = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
  expect(overflow).toBe(0);
  const heights = await page
    .locator("button:visible, .choice:visible")
    .evaluateAll((buttons) => buttons.map((button) => button.getBoundingClientRect().height));
  expect(Math.min(...heights)).toBeGreaterThanOrEqual(44);
});

test("of hundreds of open alarms the five hundred most urgent are there, and a new fire still comes out on top", async () => {
  for (let i = 0; i < 620; i++) site.raise(denied);
  await signInByLink();
  expect(await page.locator(".card").count()).toBe(100);
  expect(await textOf(".heading h1")).toBe("当前报警 620");
  expect(await textOf(".alarms .hint")).toBe("另有 120 条较轻的报警未列出。");
  await page.click(".more");
  await waitFor("all that were sent", async () => (await page.locator(".card").count()) === 500);
  const alarm = site.raise(fire);
  await page.waitForSelector(`.card:first-child${cardOf(alarm)}`, { timeout: 10_000 });
});
