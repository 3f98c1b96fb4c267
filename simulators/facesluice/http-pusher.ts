import { z } from "zod";

export interface Account {
  readonly username: string;
  readonly password: string;
}

/** Where a device pushes. */
export interface Destination {
  /** `http://host:port`. */
  readonly address: string;
  readonly snap: string;
  readonly verify: string;
  readonly heartbeat: string;
  /** Fixed in firmware. */
  readonly video?: string;
  readonly heartbeatEveryMs?: number | undefined;
  readonly account?: Account | undefined;
}

const answerSchema = z.looseObject({ code: z.coerce.number() });
/** A platform has to answer within this. */
const answerWithinMs = 10_000;

/** POSTs of a device; true where the platform answered by `{"code":200}`, and false whatever else became of it. */
export class HttpPusher {
  #hangUp = new AbortController();

  async post(destination: Destination, path: string, body: string | FormData): Promise<boolean> {
    const { address, account } = destination;
    const { signal } = this.#hangUp;
    const headers = {
      ...(typeof body === "string" ? { "content-type": "application/json" } : {}),
      ...(account === undefined
        ? {}
        : { authorization: `Basic ${Buffer.from(`${account.username}:${account.password}`).toString("base64")}` }),
    };
    try {
      const reply = await fetch(new URL(path, address), {
        method: "POST",
        headers,
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(answerWithinMs)]),
      });
      const answer = answerSchema.safeParse(JSON.parse(await reply.text()));
      return reply.status === 200 && answer.success && answer.data.code === 200;
    } catch {
      return false;
    }
  }

  /** The film of a throw: the fields and some kilobytes that begin as an MP4 does. */
  postFilm(destination: Destination, fields: Readonly<Record<string, string>>): Promise<boolean> {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    const film = Buffer.concat([
      Buffer.from("000000186674797069736f6d0000020069736f6d6d703432", "hex"),
      Buffer.alloc(40_000),
    ]);
    form.append("file", new Blob([film], { type: "video/mp4" }), `${fields["ID"] ?? "film"}.mp4`);
    return this.post(destination, destination.video ?? "/Subscribe/PushVideo", form);
  }

  /** Whatever is under way ends. */
  hangUp(): void {
    this.#hangUp.abort();
    this.#hangUp = new AbortController();
  }
}
