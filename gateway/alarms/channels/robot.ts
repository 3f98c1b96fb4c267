import { z } from "zod";
import type { Delivery } from "../../ports/push.ts";
import { oneLine } from "./cut.ts";
import { post, statusFailure } from "./post.ts";
import { type ChannelContext, failed } from "./sender.ts";

/** What a platform's code for a refusal means. Codes that are not listed are for good: the robot or the message is wrong. */
export interface RobotCodes {
  /** Busy, or too many messages: ms to wait, where the platform says or documents it. */
  readonly later: Readonly<Record<number, number | undefined>>;
  /** Signature or timestamp refused: may be our own clock. */
  readonly clock: ReadonlySet<number>;
  /** What the person who configured it should do. */
  readonly hints: Readonly<Record<number, string>>;
}

const maxWords = 200;
const maxCalled = 50;

const codeSchema = z.union([
  z.number().int(),
  z
    .string()
    .regex(/^-?\d{1,9}$/)
    .transform(Number),
]);
const wordsSchema = z.string().catch("");
/** DingTalk and WeCom say `errcode`, `errmsg`; Feishu `code`, `msg`, and once said `StatusCode`, `StatusMessage`. */
const verdictSchema = z.union([
  z.object({ errcode: codeSchema, errmsg: wordsSchema }).transform((v) => ({ code: v.errcode, words: v.errmsg })),
  z.object({ code: codeSchema, msg: wordsSchema }).transform((v) => ({ code: v.code, words: v.msg })),
  z
    .object({ StatusCode: codeSchema, StatusMessage: wordsSchema })
    .transform((v) => ({ code: v.StatusCode, words: v.StatusMessage })),
]);

export interface Verdict {
  readonly code: number;
  readonly words: string;
}

/** Reads a platform's answer; absent where it is none, as from a captive portal that says 200 to everything. */
export function readVerdict(body: string): Verdict | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  const parsed = verdictSchema.safeParse(value);
  if (!parsed.success) return undefined;
  return { code: parsed.data.code, words: oneLine(parsed.data.words.slice(0, maxWords)) };
}

/** One try with a group's robot. */
export async function tell(
  { url, body, ca, signal }: { url: string; body: object; ca: string | undefined; signal: AbortSignal },
  codes: RobotCodes,
  { clock }: ChannelContext,
): Promise<Delivery> {
  const answer = await post({ url, body: JSON.stringify(body), ca, clock, signal });
  if ("ok" in answer) return answer;
  const { status } = answer;
  if (answer.body === undefined) {
    return status >= 200 && status < 300
      ? failed(true, `answered ${status}, but not to the end: perhaps the message was taken`)
      : statusFailure(answer, clock);
  }
  const verdict = status < 300 || (status >= 400 && status < 429) ? readVerdict(answer.body) : undefined;
  if (verdict === undefined) {
    return status >= 200 && status < 300
      ? failed(true, `answered ${status}, but not as the platform does: something else on the way answers for it`)
      : statusFailure(answer, clock);
  }
  return judge(verdict, codes, clock.quality().state === "unsynchronised");
}

/** What a verdict means for another try. `clockWrong`: our own time is known to be wrong. */
export function judge({ code, words }: Verdict, codes: RobotCodes, clockWrong: boolean): Delivery {
  if (code === 0) return { ok: true, receipt: `code 0 ${words}`.trim() };
  const hint = codes.hints[code];
  const told = `refused with ${code} ${words}`.trim() + (hint === undefined ? "" : `: ${hint}`);
  if (code in codes.later) return failed(true, told, codes.later[code]);
  // Feishu says 9499 both for a bad request and for too many of them.
  if (/too many|frequen|too fast/i.test(words)) return failed(true, told);
  if (clockWrong && codes.clock.has(code)) return failed(true, `${told} (the gateway's own clock is not set yet)`);
  return failed(false, told);
}

/** Mainland numbers as DingTalk and WeCom know them: without the country code. Others are left out. */
export function mobilesOf(persons: readonly { readonly phone?: string }[]): string[] {
  return persons.slice(0, maxCalled).flatMap(({ phone }) => {
    const mobile = /^\+86(1\d{10})$/.exec(phone ?? "")?.[1];
    return mobile === undefined ? [] : [mobile];
  });
}

export const mentionSchema = z
  .enum(["persons", "all", "none"])
  .default("persons")
  .describe(
    "Whom the message calls by @: the persons of the tier (by their mainland mobile numbers), everybody, or nobody.",
  );
