import type { ListDocument } from "../../operations/kinds/meta.ts";
import type { Connection, QueryValue } from "../connection/connection.ts";
import type { View } from "../render/view.ts";

/** What a `lab get` command asks for and how it is shown. */
export interface ListRequest<T> {
  readonly path: string;
  readonly query?: Readonly<Record<string, QueryValue>>;
  readonly view: View<T>;
  /** Narrows what arrived, where the operation itself cannot. Throws for names that do not exist. */
  readonly narrow?: (items: readonly T[]) => readonly T[];
}

export async function fetchList<T>(connection: Connection, request: ListRequest<T>): Promise<ListDocument<T>> {
  const document = (await connection.call("GET", request.path, { query: request.query })) as ListDocument<T>;
  return request.narrow ? { ...document, items: request.narrow(document.items) } : document;
}
