import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { opcUaOptions } from "./options.ts";

const made = execFileSync(
  "/usr/bin/openssl",
  [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-subj",
    "/CN=panel",
    "-keyout",
    "-",
  ],
  { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
);
const certificate = made.slice(made.indexOf("-----BEGIN CERTIFICATE"));
const key = made.slice(0, made.indexOf("-----BEGIN CERTIFICATE"));

const mistakesOf = (given: object) =>
  opcUaOptions
    .safeParse({ endpoint: "opc.tcp://192.0.2.7:4840", profile: "panel", ...given })
    .error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];

test("a certificate and a key are taken as files of PEM text have them", () => {
  expect(mistakesOf({ serverCertificate: certificate, certificate, key })).toEqual([]);
});

test.each([
  ["serverCertificate", certificate.slice(0, 200), "the PEM text of the server's certificate"],
  ["serverCertificate", "certs/panel.pem", "the PEM text of the server's certificate"],
  ["serverCertificate", key, "the PEM text of the server's certificate"],
  [
    "certificate",
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "the PEM text of the user's certificate",
  ],
  ["key", certificate, "the PEM text of the key of that certificate, without a passphrase"],
])("a %s that is none is found by the check, not by a device that stays away (%#)", (name, text, expected) => {
  const found = mistakesOf({ certificate, key, [name]: text });
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(`${name}: ${expected}`);
  expect(found[0]).not.toContain("BEGIN");
});
