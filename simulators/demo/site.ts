import { stringify } from "yaml";

interface DemoDevice {
  readonly id: string;
  readonly zh: string;
  readonly en: string;
  readonly driver: "face-terminal" | "throw-camera" | "thermal-extinguisher";
  readonly zone: string;
  /** What the maker calls it on the wire; for an extinguisher its unit number. */
  readonly deviceId?: string;
  readonly unit?: number;
}

/** The devices of the demo site 金水湾小区. */
export const demoDevices: readonly DemoDevice[] = [
  { id: "gate-east", zh: "东门人脸机", en: "East gate", driver: "face-terminal", zone: "east", deviceId: "1026700" },
  {
    id: "gate-b3",
    zh: "3栋1单元人脸机",
    en: "Door of 3-1",
    driver: "face-terminal",
    zone: "b3-u1",
    deviceId: "1026701",
  },
  {
    id: "cam-b3-north",
    zh: "3栋北高抛相机",
    en: "Camera 3 north",
    driver: "throw-camera",
    zone: "b3",
    deviceId: "005a213b000b93cc",
  },
  {
    id: "cam-b3-east",
    zh: "3栋东高抛相机",
    en: "Camera 3 east",
    driver: "throw-camera",
    zone: "b3",
    deviceId: "005a213b000b93cd",
  },
  {
    id: "ext-b3-2f",
    zh: "3栋2层灭火装置",
    en: "Extinguisher 3-2F",
    driver: "thermal-extinguisher",
    zone: "b3-u1",
    unit: 17,
  },
  {
    id: "ext-b5-1f",
    zh: "5栋1层灭火装置",
    en: "Extinguisher 5-1F",
    driver: "thermal-extinguisher",
    zone: "b5",
    unit: 18,
  },
  {
    id: "ext-b5-shed",
    zh: "5栋电动车棚灭火装置",
    en: "Extinguisher e-bike shed",
    driver: "thermal-extinguisher",
    zone: "b5-shed",
    unit: 19,
  },
];

export interface DemoPorts {
  readonly broker: number;
  readonly city: number;
  readonly console: number;
}

const header = `# The demo site as it runs now: simulated devices, a simulated city, secrets made at this start.
# The format is described in config/README.md; \`npx zhian check FILE\` checks such a file.
`;

const secretIn = (file: string) => `\${file:secrets/${file}}`;

/** The gateway's configuration; secrets stand in files beside it. */
export function demoConfig(ports: DemoPorts, serialPath: string): string {
  const devices = demoDevices.map(({ id, zh, driver, zone, deviceId, unit }) => ({
    id,
    name: zh,
    driver,
    dialect: unit === undefined ? "facesluice-mqtt" : "modbus-rtu",
    zone,
    options:
      unit === undefined
        ? { deviceId, username: id, password: secretIn(id) }
        : { line: "rs485-1", unit, profile: "generic-extinguisher" },
  }));
  return (
    header +
    stringify({
      site: { id: "jinshuiwan", name: "金水湾小区", kind: "community", timezone: "Asia/Shanghai" },
      gateway: { id: "gw-01", data: "./data" },
      broker: { listen: `127.0.0.1:${ports.broker}` },
      uplink: {
        urls: [`mqtt://127.0.0.1:${ports.city}`],
        prefix: "zhian/v1",
        username: "gw-01",
        password: secretIn("uplink"),
      },
      console: { listen: `127.0.0.1:${ports.console}` },
      zones: [
        { id: "east", name: "东门" },
        { id: "b3", name: "3栋" },
        { id: "b3-u1", name: "3栋1单元", parent: "b3" },
        { id: "b5", name: "5栋" },
        { id: "b5-shed", name: "5栋电动车棚", parent: "b5" },
      ],
      serialLines: [{ id: "rs485-1", path: serialPath, baudRate: 9600, parity: "none" }],
      devices,
      rules: {},
    })
  );
}
