import type { Words } from "./words.ts";
import { compose } from "./words.ts";

const fullWidth: Readonly<Record<string, string>> = {
  "[": "［",
  "]": "］",
  "<": "＜",
  ">": "＞",
  "*": "＊",
  "`": "｀",
  "#": "＃",
  "|": "｜",
};

/**
 * The robots' Markdown has no escapes that all of them honour, so what could begin a link, a mention or a tag is written full
 * width: a name on a device must not call everybody, or lead somewhere else.
 */
export function plain(text: string): string {
  return text.replace(/[[\]<>*`#|]/g, (character) => fullWidth[character] ?? character);
}

/** Chinese first, English below, as Markdown that DingTalk and WeCom both show; `last` is put at the end as it stands. */
export function markdownOf(words: Words, maxBytes: number, last = ""): string {
  const { head, headEn, facts, story, link } = words;
  const safe = { ...words, story: { zh: plain(story.zh), en: plain(story.en) } };
  return compose(safe, maxBytes, ({ zh, en }) =>
    [
      `### ${plain(head)}`,
      `> ${plain(facts.zh)}`,
      zh,
      ...(link === undefined ? [] : [`[打开警情 Open the alarm](${target(link)})`]),
      `**${plain(headEn)}**`,
      `> ${plain(facts.en)}`,
      en,
      ...(last === "" ? [] : [last]),
    ].join("\n\n"),
  );
}

/** Plain text in the same order. */
export function plainOf(words: Words, maxBytes: number): string {
  const { head, headEn, facts, link } = words;
  return compose(words, maxBytes, ({ zh, en }) =>
    [head, facts.zh, zh, ...(link === undefined ? [] : [link]), "", headEn, facts.en, en].join("\n"),
  );
}

/** An address that ends nowhere but at its end. */
function target(link: string): string {
  return link.replace(/[\s<>[\]()]/g, (character) =>
    character === "(" ? "%28" : character === ")" ? "%29" : encodeURIComponent(character),
  );
}
