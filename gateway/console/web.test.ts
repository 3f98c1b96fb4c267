import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { webRoutes } from "./web-files.ts";

const folder = new URL("web/", import.meta.url);
const read = (file: string) => readFileSync(new URL(file, folder), "utf8");
const scripts = readdirSync(folder).filter((file) => file.endsWith(".js"));

type Dictionary = Record<string, string>;
let words: { zh: Dictionary; en: Dictionary };

beforeAll(async () => {
  // The page's module asks the browser for the language that was chosen last.
  Object.assign(globalThis, { localStorage: { getItem: () => null, setItem: () => {} } });
  words = (await import(new URL("words.js", folder).href)).words;
});

test("every text is there in both languages, with the same places to fill in", () => {
  expect(Object.keys(words.en).sort()).toEqual(Object.keys(words.zh).sort());
  const placesOf = (text = "") => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
  for (const [key, zh] of Object.entries(words.zh)) {
    expect(zh.trim(), key).not.toBe("");
    expect(words.en[key]?.trim(), key).not.toBe("");
    expect(placesOf(words.en[key]), key).toEqual(placesOf(zh));
  }
});

test("no Chinese is left in the English texts, and no text of the page stands outside the dictionaries", () => {
  const chinese = /\p{Script=Han}/u;
  const { language: _, ...en } = words.en;
  expect(Object.values(en).filter((text) => chinese.test(text))).toEqual([]);
  for (const file of scripts.filter((name) => name !== "words.js")) expect(read(file), file).not.toMatch(chinese);
});

test("every word that the page asks for is in the dictionaries", () => {
  for (const file of scripts) {
    for (const [, key = ""] of read(file).matchAll(/\bt\("([\w-]+)"/g))
      expect(words.zh, `${file}: ${key}`).toHaveProperty([key]);
  }
});

test("every word of the API that the page shows has a translation", () => {
  const shown = [
    ...["active-unacknowledged", "active-acknowledged", "returned-unacknowledged", "returned-acknowledged"].map(
      (s) => `state_${s}`,
    ),
    ...["shelved", "suppressed", "out-of-service", "closed"].map((s) => `state_${s}`),
    ...["observed", "likely", "possible"].map((s) => `certainty_${s}`),
    ...["true", "false", "test", "duplicate"].map((s) => `disposition_${s}`),
    ...["guard", "manager", "installer", "admin", "auditor"].map((s) => `role_${s}`),
    ...["up", "connecting", "down", "off"].map((s) => `city_${s}`),
    ...["synchronised", "assumed", "unsynchronised"].map((s) => `clock_${s}`),
    ...["fire", "urgent", "normal", "notice", "fault"].map((s) => `level_${s}`),
  ];
  expect(shown.filter((key) => !(key in words.zh))).toEqual([]);
});

test("every file of the page is served, and whatever one asks for is there", () => {
  const served = webRoutes().map((route) => route.path);
  const files = readdirSync(folder).filter((file) => !["tsconfig.json", "index.html"].includes(file));
  expect(files.filter((file) => !served.includes(`/${file}`))).toEqual([]);
  for (const file of scripts) {
    for (const [, path = ""] of read(file).matchAll(/from "\.(\/[\w.-]+)"/g)) expect(served, file).toContain(path);
  }
});

test("the page has no inline script or style, writes no markup from data and asks nobody else", () => {
  const html = read("index.html");
  expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=/i);
  for (const file of [...scripts, "index.html", "style.css"]) {
    expect(read(file).replaceAll("http://www.w3.org/2000/svg", ""), file).not.toMatch(/https?:|\/\/\w+\.\w+\//);
    expect(read(file), file).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|@import/);
  }
});

test("the page's scripts are free of type errors", () => {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const run = () =>
    execFileSync(`${root}node_modules/.bin/tsc`, ["-p", fileURLToPath(new URL("tsconfig.json", folder))], {
      cwd: root,
      encoding: "utf8",
    });
  expect(run()).toBe("");
});
