import { open } from "../../drivers/dry-contact/gpio.ts";
import { GuestContext } from "./guest-context.ts";

// A gateway with one relay that it has switched on, and that is then killed or stopped from outside.
const options = JSON.parse(process.argv[2] ?? "{}");
const guest = new GuestContext(options);
const session = open(guest.context);
session.done.catch((error: unknown) => process.stdout.write(`${error}\n`));
for (;;) {
  const outcome = await session.command?.({ name: "on", args: {} });
  if (outcome?.ok === true) break;
  await new Promise((resolve) => setTimeout(resolve, 20));
}
process.stdout.write("on\n");
setInterval(() => {}, 1000);
