import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { why } from "./interpolation.ts";
import type { Findings } from "./references.ts";

/** PEM texts for the connection to the city. */
export interface Certificates {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Reads the files that `uplink` names; absent where it names none. */
export function readCertificates(findings: Findings, dir: string): Certificates | undefined {
  const found = (["ca", "cert", "key"] as const).flatMap((name): [string, string][] => {
    const path = findings.text(["uplink", name]);
    const pem = path === undefined ? undefined : readPem(findings, name, resolve(dir, path));
    return pem === undefined ? [] : [[name, pem]];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

function readPem(findings: Findings, name: string, file: string): string | undefined {
  const refuse = (reason: string): undefined =>
    findings.add(
      ["uplink", name],
      `a file that cannot be used: ${reason}`,
      "a readable PEM file",
      `It was looked for at ${file}.`,
    );
  try {
    const text = readFileSync(file, "utf8");
    return text.includes("-----BEGIN ") ? text : refuse("it has no PEM block");
  } catch (error) {
    return refuse(why(error));
  }
}
