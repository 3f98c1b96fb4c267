import { makeNodeId, type NodeId } from "node-opcua-client";

const shape = /^(?:ns=(\d+);|nsu=([^;]+);)?([isgb])=(.+)$/i;

/** The node of a profile on this server; absent where the server does not have the namespace. */
export function resolvedNode(text: string, namespaces: readonly string[]): NodeId | undefined {
  const [, index, uri, type = "", id = ""] = shape.exec(text) ?? [];
  const namespace = uri === undefined ? Number(index ?? 0) : namespaces.indexOf(uri);
  if (namespace < 0) return undefined;
  switch (type.toLowerCase()) {
    case "i":
      return makeNodeId(Number(id), namespace);
    case "b":
      return makeNodeId(Buffer.from(id, "base64"), namespace);
    case "s":
    case "g":
      return makeNodeId(id, namespace);
    default:
      return undefined;
  }
}

/** Does a profile name namespaces by their URI? */
export function needsNamespaces(nodes: readonly string[]): boolean {
  return nodes.some((node) => /^nsu=/i.test(node));
}
