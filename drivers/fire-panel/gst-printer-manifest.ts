import { defineDriver } from "../../gateway/ports/driver.ts";
import { type GstPrinterOptions, gstPrinterOptions } from "./gst-printer-options.ts";
import { gstProfileSchema } from "./gst-words.ts";

export const firePanelGstPrinter = defineDriver<GstPrinterOptions>({
  driver: "fire-panel",
  dialect: "gst-printer",
  title: { zh: "火灾报警控制器（海湾 GST 打印口）", en: "Fire panel (GST, by its printer port)" },
  options: gstPrinterOptions,
  serial: ({ line }) => ({ line }),
  profile: ({ profile }) => profile,
  profileSchema: gstProfileSchema,
  silentAfterMs: ({ silentAfter }) => silentAfter,
  load: () => import("./gst-printer.ts"),
});
