import { z } from "zod";

/** What a person, a rule or the city wants a device to do. Never persistent: one that cannot be carried out now is refused. */
export const deviceCommandSchema = z.strictObject({
  /** As its driver offers it: `unlock`, `silence`, `test`, `on`, `off`, `set-time`, `reboot`, `sync`. */
  name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "a name such as unlock, silence or on"),
  args: z.record(z.string().max(64), z.union([z.string().max(1024), z.number(), z.boolean()])).default({}),
});
export type DeviceCommand = z.output<typeof deviceCommandSchema>;

/** What became of a command, by the device's own answer where its dialect has one. */
export type CommandOutcome =
  | {
      readonly ok: true;
      /** False where the dialect has no acknowledgement: it was sent, and nobody knows more. */
      readonly confirmed: boolean;
      /** What the device answered, without personal data. */
      readonly detail?: string;
    }
  | {
      readonly ok: false;
      /**
       * `unsupported`: no such command or argument; `not-connected`: the device is not there; `no-answer`: sent, not answered in
       * time, may have been carried out; `refused`: the device says no; `forbidden`: the configuration does not allow it.
       */
      readonly why: "unsupported" | "not-connected" | "no-answer" | "refused" | "forbidden";
      /** For the person who gave it: what was found, and what to do. */
      readonly detail: string;
    };

/** A command that a device offers as it is configured. */
export interface CommandOffer {
  readonly name: string;
  readonly title: { readonly zh: string; readonly en: string };
  /** It moves something in the world: a door, a siren. Such a command needs a person's confirmation and an audit record. */
  readonly actuates: boolean;
  /** Names of its arguments with what they are. */
  readonly args?: Readonly<Record<string, string>>;
}
