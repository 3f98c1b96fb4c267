import { describe, expect, it } from "vitest";
import { isLoopback, listenSchema, parseEndpoint } from "./listen.ts";

describe("an address to listen on", () => {
  it.each([
    ["127.0.0.1:1883", "127.0.0.1", 1883],
    ["0.0.0.0:0", "0.0.0.0", 0],
    ["[::1]:8080", "::1", 8080],
    ["gateway.lan:65535", "gateway.lan", 65_535],
  ])("%s is host %s and port %d", (text, host, port) => {
    expect(parseEndpoint(text)).toEqual({ host, port });
    expect(listenSchema.parse(text)).toEqual({ host, port });
  });

  it.each([
    "127.0.0.1",
    ":1883",
    "1883",
    "127.0.0.1:65536",
    "256.0.0.1:1",
    "1.2.3:1",
    "::1:1",
    "[1.2.3.4]:1",
    "a b:1",
    "h:-1",
    "mqtt://h:1",
  ])("%s is refused", (text) => {
    expect(parseEndpoint(text)).toBeUndefined();
    expect(listenSchema.safeParse(text).success).toBe(false);
  });

  it("is loopback or not", () => {
    expect(["127.0.0.1", "127.9.9.9", "::1", "localhost"].every(isLoopback)).toBe(true);
    expect(["0.0.0.0", "::", "192.168.1.2", "localhost.lan"].some(isLoopback)).toBe(false);
  });
});
