import { readFileSync, writeFileSync } from "node:fs";

const field = (pid: number, name: string): number => {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? Number.NaN) * 1024;
};

/** Resident memory of a process now, bytes (proc(5), VmRSS). */
export const residentBytes = (pid = 0): number => field(pid, "VmRSS");

/** The most that it ever was, bytes, since the last `forgetPeak` (VmHWM). */
export const peakResidentBytes = (pid = 0): number => field(pid, "VmHWM");

/** From now on the peak is counted anew (proc(5), clear_refs 5). */
export const forgetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, "5");
