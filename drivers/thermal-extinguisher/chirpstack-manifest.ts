import { defineDriver } from "../../gateway/ports/driver.ts";
import { type ChirpStackOptions, chirpStackGrants, chirpStackOptions } from "./chirpstack-options.ts";
import { chirpStackProfileSchema } from "./chirpstack-profile.ts";

export const thermalExtinguisherChirpStack = defineDriver<ChirpStackOptions>({
  driver: "thermal-extinguisher",
  dialect: "chirpstack-mqtt",
  title: {
    zh: "温感灭火装置（LoRaWAN，ChirpStack MQTT）",
    en: "Thermal extinguisher (LoRaWAN, by ChirpStack over MQTT)",
  },
  options: chirpStackOptions,
  mqtt: chirpStackGrants,
  profile: ({ profile }) => profile,
  profileSchema: chirpStackProfileSchema,
  commands: (_, profile) => {
    const parsed = chirpStackProfileSchema.safeParse(profile);
    return Object.entries(parsed.data?.downlinks ?? {}).map(([name, { title, actuates }]) => ({
      name,
      title,
      actuates,
    }));
  },
  silentAfterMs: ({ uplinkEvery }) => 3 * uplinkEvery,
  load: () => import("./chirpstack-mqtt.ts"),
});
