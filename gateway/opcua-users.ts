import { verifyPassword } from "./console/passwords.ts";
import type { Role } from "./console/roles.ts";
import { SignInThrottle } from "./console/sign-in-throttle.ts";
import { Users } from "./console/users.ts";
import type { OpcUaUsers } from "./opcua-server/opcua-server.ts";
import type { Clock } from "./ports/clock.ts";

/** Those who close alarms at the console too, whatever they turned out to be. */
const acting: readonly Role[] = ["guard", "manager", "admin"];
/** Every client of a building-management system comes from one place. */
const place = "opcua";

/** The console's people for the OPC UA server, with a back-off of its own for those who try out passwords. */
export function opcUaUsers({ dataDir, clock }: { readonly dataDir: string; readonly clock: Clock }): OpcUaUsers {
  const users = new Users(dataDir);
  const throttle = new SignInThrottle(clock);
  return {
    async check(name, password) {
      const claim = throttle.claim(name.normalize("NFKC").toLowerCase(), place);
      if (!claim.ok) return false;
      const right = await verifyPassword(password, users.find(name)?.password);
      if (right) claim.succeeded();
      return right;
    },
    mayAct(name) {
      const user = users.find(name);
      return user !== undefined && acting.includes(user.role);
    },
  };
}
