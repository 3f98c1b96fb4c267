import { seeded } from "../random.ts";

/**
 * A data URL as these devices send it: the frame of a baseline JPEG with noise for its entropy-coded part, `bytes` long.
 * Nobody is in the picture.
 */
export function jpegDataUrl(bytes: number, seed: number): string {
  const head = Buffer.from("ffd8ffe000104a46494600010101004800480000ffda0008010100003f00", "hex");
  const random = seeded(seed);
  const body = Buffer.alloc(Math.max(0, bytes - head.length - 2));
  for (let at = 0; at + 4 <= body.length; at += 4) body.writeUInt32LE(Math.floor(random() * 2 ** 32), at);
  // Within the scan a 0xFF is a marker unless a zero follows.
  for (let at = 0; at < body.length; at++) if (body[at] === 0xff) body[at] = 0xfe;
  return `data:image/jpeg;base64,${Buffer.concat([head, body, Buffer.from("ffd9", "hex")]).toString("base64")}`;
}
