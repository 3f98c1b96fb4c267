import { expect, test } from "vitest";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { SignInThrottle } from "./sign-in-throttle.ts";

const second = 1_000;

function setUp() {
  const clock = new ManualClock();
  return { clock, throttle: new SignInThrottle(clock) };
}

/** How many guesses get through in a time, from one address, as fast as they are let. */
function guessesIn(ms: number, addressOf: (i: number) => string, account = "zhang"): number {
  const { clock, throttle } = setUp();
  const end = clock.now() + ms;
  let through = 0;
  for (let i = 0; clock.now() < end; i++) {
    const claim = throttle.claim(account, addressOf(i));
    if (claim.ok) through += 1;
    else clock.advance(Math.min(claim.retryAfterMs, 1_000));
  }
  return through;
}

test("five wrong passwords cost no waiting, then the wait doubles", () => {
  const { clock, throttle } = setUp();
  for (let i = 0; i < 5; i++) expect(throttle.claim("zhang", "10.0.0.7").ok).toBe(true);
  const waits: number[] = [];
  for (let i = 0; i < 4; i++) {
    const claim = throttle.claim("zhang", "10.0.0.7");
    if (claim.ok) throw new Error("let through");
    waits.push(claim.retryAfterMs / second);
    clock.advance(claim.retryAfterMs);
    expect(throttle.claim("zhang", "10.0.0.7").ok).toBe(true);
  }
  expect(waits).toEqual([1, 2, 4, 8]);
});

test("a day of guessing at one account from one address gets through about a hundred guesses", () => {
  expect(guessesIn(24 * 3600 * second, () => "10.0.0.7")).toBeLessThan(120);
});

test("a hundred attempts at once get no further than five", () => {
  const { throttle } = setUp();
  const through = Array.from({ length: 100 }, () => throttle.claim("zhang", "10.0.0.7")).filter(({ ok }) => ok);
  expect(through).toHaveLength(5);
});

test("the right password clears the way", () => {
  const { throttle } = setUp();
  for (let i = 0; i < 4; i++) throttle.claim("zhang", "10.0.0.7");
  const claim = throttle.claim("zhang", "10.0.0.7");
  if (claim.ok) claim.succeeded();
  for (let i = 0; i < 5; i++) expect(throttle.claim("zhang", "10.0.0.7").ok).toBe(true);
});

test("somebody who hammers at an account from elsewhere does not lock its person out for more than a minute", () => {
  const { clock, throttle } = setUp();
  for (let i = 0; i < 10_000; i++) {
    throttle.claim("zhang", `10.0.${i % 200}.${i % 250}`);
    clock.advance(10);
  }
  const claim = throttle.claim("zhang", "192.168.1.20");
  expect(claim.ok ? 0 : claim.retryAfterMs).toBeLessThanOrEqual(60 * second);
});

test("many addresses together get no more than about one guess a minute at an account", () => {
  expect(guessesIn(3600 * second, (i) => `10.1.${i % 250}.${(i * 7) % 250}`)).toBeLessThan(120);
});

test("trying out many accounts from one address is slowed down too, and an IPv6 household counts as one address", () => {
  const { throttle } = setUp();
  const through = (address: (i: number) => string) =>
    Array.from({ length: 200 }, (_, i) => throttle.claim(`user${i}`, address(i))).filter(({ ok }) => ok).length;
  expect(through(() => "10.0.0.7")).toBe(20);
  expect(through((i) => `fe80:1:2:3::${i.toString(16)}`)).toBe(20);
  expect(through((i) => `::ffff:10.0.0.${8 + (i % 2)}`)).toBe(40);
});

test("an account that does not exist is throttled just like one that does", () => {
  const { throttle } = setUp();
  const answers = (account: string, address: string) =>
    Array.from({ length: 8 }, () => throttle.claim(account, address).ok);
  expect(answers("nobody", "10.0.0.1")).toEqual(answers("zhang", "10.0.0.2"));
});
