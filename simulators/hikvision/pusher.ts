import { request } from "node:http";
import type { Account } from "./digest.ts";

export interface PushAddress {
  readonly url: string;
  /** Basic, which the makers call base64; without it nothing is sent. */
  readonly account?: Account | undefined;
}

/** Posts as a device's HTTP listening does. The status; 0 where nobody answers. */
export function post({ url, account }: PushAddress, contentType: string, body: Buffer): Promise<number> {
  const basic = account === undefined ? undefined : `${account.username}:${account.password}`;
  return new Promise((resolve) => {
    const sent = request(url, {
      method: "POST",
      agent: false,
      timeout: 5000,
      headers: {
        "content-type": contentType,
        "content-length": body.length,
        ...(basic === undefined ? {} : { authorization: `Basic ${Buffer.from(basic).toString("base64")}` }),
      },
    });
    sent.on("response", (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
    });
    sent.on("timeout", () => sent.destroy());
    sent.on("error", () => resolve(0));
    sent.end(body);
  });
}
