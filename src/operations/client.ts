import type { InputOf, Operation, OutputOf } from "./operation.ts";

/** Whoever answers operations: an agent behind a socket, a peer behind the mesh, a home that is only read. */
export interface Caller {
  /** Throws the `LabError` of the answering side. */
  call<T extends Operation>(operation: T, input: InputOf<T>): Promise<OutputOf<T>>;
}

/** A home without a running agent, opened for reading. */
export interface HomeReader extends Caller {
  /** What is wrong with its store, of which it answers as far as it is readable; null when nothing is. */
  readonly damage: string | null;
  close(): Promise<void>;
}
