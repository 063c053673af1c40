import { ERROR_KINDS } from "../src/core/errors.ts";
import { wordTable } from "../src/operations/commands.ts";
import { openApiDocument, operations } from "../src/operations/registry.ts";

/** The text of docs/cli.json: words, flags, exit codes, requests and the fields of every kind. */
export function printContract(): string {
  const { components } = openApiDocument(operations) as { readonly components: { readonly schemas: unknown } };
  const requests = operations.map(({ name, method, path, right }) => ({ name, method, path, right }));
  const commands = wordTable.commands.filter(({ hidden }) => hidden !== true);
  const contract = { ...wordTable, commands, errors: ERROR_KINDS, operations: requests, schemas: components.schemas };
  return `${JSON.stringify(contract, null, 2)}\n`;
}
