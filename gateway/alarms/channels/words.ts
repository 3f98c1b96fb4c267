import type { Bilingual, Severity } from "../../domain/alarm.ts";
import type { PushMessage } from "../../ports/push.ts";
import { cutBytes, oneLine } from "./cut.ts";
import type { ChannelContext } from "./sender.ts";

/** Stands before everything else that an exercise says. */
const exerciseMark = "【演练 EXERCISE】";

const severityWords: Record<Severity, Bilingual> = {
  critical: { zh: "紧急", en: "CRITICAL" },
  major: { zh: "重要", en: "MAJOR" },
  minor: { zh: "一般", en: "MINOR" },
  warning: { zh: "提示", en: "WARNING" },
};

/** What every channel says of a push, each part one line of plain text. */
export interface Words {
  /** The exercise's mark, the severity, and what happened where. */
  readonly head: string;
  readonly headEn: string;
  /** Site, zone, local time and tier. */
  readonly facts: Bilingual;
  /** What was seen, why it was judged so, and what to do first. */
  readonly story: Bilingual;
  readonly link?: string;
}

export function wordsOf(message: PushMessage, { site }: Pick<ChannelContext, "site">): Words {
  const { alarm, title, tier, exercise, link } = message;
  const mark = exercise ? exerciseMark : "";
  const severity = severityWords[alarm.severity];
  const at = localTime(alarm.raisedAt, site.timezone);
  const place = oneLine(`${site.name} ${alarm.zoneId}`);
  return {
    head: oneLine(`${mark}【${severity.zh}】${title.zh}`),
    headEn: oneLine(`${mark}[${severity.en}] ${title.en}`),
    facts: { zh: `${place} · ${at} · 第${tier}级推送`, en: `${place} · ${at} · tier ${tier}` },
    story: { zh: oneLine(alarm.explanation.zh), en: oneLine(alarm.explanation.en) },
    ...(link === undefined ? {} : { link }),
  };
}

/** For the shortest messages: what, where, tier; English where there is room for all of it. */
export function briefWords(message: PushMessage, { site }: Pick<ChannelContext, "site">, maxUnits: number): string {
  const { alarm, title, tier, exercise } = message;
  const mark = exercise ? exerciseMark : "";
  const { zh, en } = severityWords[alarm.severity];
  const tail = oneLine(` 第${tier}级 ${site.name}`);
  const head = oneLine(`${mark}【${zh}】${title.zh}`);
  const both = `${head} ${tail}\n${oneLine(`[${en}] ${title.en}`)}`;
  return both.length <= maxUnits ? both : `${head} ${tail}`;
}

/** `2026-11-24 08:00:05` in the site's own time. */
function localTime(iso: string, timezone: string): string {
  return new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium", timeZone: timezone }).format(
    new Date(iso),
  );
}

/** Makes a text of the words for a bounded message: the parts around the stories always stay, the English story gives way first. */
export function compose(words: Words, maxBytes: number, around: (story: Bilingual) => string): string {
  const room = maxBytes - Buffer.byteLength(around({ zh: "", en: "" }));
  const zh = cutBytes(words.story.zh, room);
  const en = cutBytes(words.story.en, room - Buffer.byteLength(zh));
  return cutBytes(around({ zh, en }), maxBytes);
}
