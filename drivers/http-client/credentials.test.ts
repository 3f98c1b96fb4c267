import fc from "fast-check";
import { expect, test } from "vitest";
import { parseChallenges } from "./challenge.ts";
import { answerChallenge } from "./credentials.ts";

const mufasa = { username: "Mufasa", password: "Circle of Life" };
const request = { method: "GET", uri: "/dir/index.html" };
const nonce =
  'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';
const realm = 'realm="http-auth@example.org", qop="auth, auth-int"';
const cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
const answer = (...headers: string[]) => answerChallenge(parseChallenges(headers), mufasa, request, cnonce);

test("the two challenges of RFC 7616 §3.9.1 are answered as printed there, the stronger one where both are offered", () => {
  const md5 = `Digest ${realm}, algorithm=MD5, ${nonce}`;
  const sha = `Digest ${realm}, algorithm=SHA-256, ${nonce}`;
  expect(answer(md5)).toContain('response="8ca523f5e9506fed4657c9700eebdbec"');
  expect(answer(md5, sha)).toContain('response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"');
  expect(answer(`${md5}, ${sha}`)).toBe(answer(md5, sha));
  expect(answer(sha)).toMatch(/^Digest username="Mufasa", realm="http-auth@example.org", .*uri="\/dir\/index.html"/);
  expect(answer(sha)).toMatch(/algorithm=SHA-256, .*qop=auth, nc=00000001, cnonce="f2\/wE4q74E6zIJEtWaHKaf5wv/);
});

test("a device of before qop is answered as in RFC 2617 §3.5 without it", () => {
  const challenge = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"';
  const old = answerChallenge(
    parseChallenges([challenge]),
    { username: "Mufasa", password: "Circle Of Life" },
    request,
  );
  // md5(md5("Mufasa:testrealm@host.com:Circle Of Life"):nonce:md5("GET:/dir/index.html")), RFC 2069 form of the same example.
  expect(old).toContain('response="670fd8c2df070c60b045671b8b24ff02"');
  expect(old).not.toMatch(/qop|cnonce|nc=/);
});

test("Basic is the answer where nothing better can be answered", () => {
  expect(answer('Basic realm="camera"')).toBe("Basic TXVmYXNhOkNpcmNsZSBvZiBMaWZl");
  expect(answer('Digest realm="x", nonce="y", algorithm=MD5, qop="auth-int"', "Basic")).toMatch(/^Basic /);
  expect(answer('Digest realm="x", nonce="y", algorithm=SHA-512-256, qop="auth"')).toBeUndefined();
  expect(answer("Bearer", 'Digest nonce="without a realm"')).toBeUndefined();
  expect(answer()).toBeUndefined();
});

test("names and realms with quotes and Chinese signs stay within their parameter", () => {
  const challenges = parseChallenges(['Digest realm="a \\"quoted\\" realm", nonce="n,1", qop=auth']);
  expect(challenges[0]?.params.get("realm")).toBe('a "quoted" realm');
  const signed = answerChallenge(challenges, { username: "管理员", password: "p" }, request) ?? "";
  expect(signed).toContain('realm="a \\"quoted\\" realm", nonce="n,1"');
  expect(signed).toContain("username*=UTF-8''%E7%AE%A1%E7%90%86%E5%91%98");
  expect(signed).toMatch(/^[\x20-\x7e]+$/);
});

test.each([
  ["", []],
  [",,, ", []],
  ["Basic", ["basic"]],
  ["Basic , Digest", ["basic", "digest"]],
  ['NTLM, Negotiate, Digest realm="a, b", nonce=c', ["ntlm", "negotiate", "digest"]],
  ['Digest realm="never closed', ["digest"]],
  ["Digest realm", ["digest", "realm"]],
  ["=x", []],
  ["Basic TlRMTVNTUAAC==", ["basic"]],
  ["\u0000Digest", []],
])("a header %j holds the schemes %j, and nothing of it throws", (header, schemes) => {
  expect(parseChallenges([header]).map(({ scheme }) => scheme)).toEqual(schemes);
});

test("no header of a device makes it throw, and what is answered is one line of printable signs", () => {
  const numRuns = process.env["ZHIAN_NIGHTLY"] === undefined ? 1000 : 100_000;
  const piece = fc.constantFrom(
    ...[
      "Digest ",
      "Basic",
      "realm=",
      '"',
      "\\\\",
      "nonce=",
      ",",
      " ",
      "=",
      "qop=auth",
      "algorithm=MD5",
      "-sess",
      "x",
      "\t",
      "é",
    ],
  );
  const header = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.array(piece, { maxLength: 30 }).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(fc.array(header, { maxLength: 3 }), (headers) => {
      const answered = answer(...headers);
      if (answered !== undefined) expect(answered).not.toMatch(/[\r\n\0]/);
    }),
    { numRuns },
  );
});
