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

/** So that the shortest channel still has room for the link and a good part of the story. */
const maxLineBytes = 240;

/** What every channel says of a push, each part one line of plain text; the story alone may be long. */
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
  const place = `${site.name} ${alarm.zoneId}`;
  return {
    head: line(`${mark}【${severity.zh}】${title.zh}`),
    headEn: line(`${mark}[${severity.en}] ${title.en}`),
    facts: { zh: line(`第${tier}级推送 · ${at} · ${place}`), en: line(`tier ${tier} · ${at} · ${place}`) },
    story: { zh: oneLine(alarm.explanation.zh), en: oneLine(alarm.explanation.en) },
    ...(link === undefined ? {} : { link }),
  };
}

function line(text: string): string {
  return cutBytes(oneLine(text), maxLineBytes);
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
