import { between, pick, type Random } from "../random.ts";

/** Somebody who is enrolled. Nobody real: the region code of the id card was never given out. */
export interface Person {
  readonly personId: string;
  readonly name: string;
  readonly idCard: string;
  readonly phone: string;
}

const families = ["王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "欧阳"] as const;
const given = ["伟", "秀英", "敏", "静", "建国", "丽", "强", "磊", "晓明", "淑兰", "子涵", "雨桐"] as const;

export function makePeople(count: number, random: Random): readonly Person[] {
  return Array.from({ length: count }, (_, index) => ({
    personId: String(index + 1),
    name: pick(random, families) + pick(random, given),
    idCard: idCard(random),
    phone: `1990000${String(Math.floor(between(random, 0, 10_000))).padStart(4, "0")}`,
  }));
}

/** 18 characters with the check character of GB 11643, in region 990101, which does not exist. */
function idCard(random: Random): string {
  const two = (low: number, high: number) => String(Math.floor(between(random, low, high))).padStart(2, "0");
  const body = `990101${Math.floor(between(random, 1950, 2008))}${two(1, 13)}${two(1, 29)}${two(0, 100)}${two(0, 10).slice(1)}`;
  const sum = [...body].reduce((total, digit, at) => total + Number(digit) * (2 ** (17 - at) % 11), 0);
  return body + "10X98765432".charAt(sum % 11);
}
