/** aedes alone, in memory, in a process of its own: the broker that the gateway embeds, with nothing behind it. */
import { createServer } from "node:net";
import { Aedes } from "aedes";

const broker = await Aedes.createBroker();
const server = createServer(broker.handle);
server.listen(Number(process.argv[2]), "127.0.0.1");
