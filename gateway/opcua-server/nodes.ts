import type { OPCUAServer } from "node-opcua-server";

/** The library's types, named by what the server gives out: its inner packages are no dependency of ours. */
export type AddressSpace = NonNullable<OPCUAServer["engine"]["addressSpace"]>;
export type Namespace = ReturnType<AddressSpace["getOwnNamespace"]>;
export type ObjectNode = ReturnType<Namespace["addObject"]>;
export type VariableNode = ReturnType<Namespace["addVariable"]>;
export type AlarmNode = ReturnType<Namespace["instantiateOffNormalAlarm"]>;
