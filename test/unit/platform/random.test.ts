import { systemRandom } from "../../../src/node/platform/random.ts";
import { randomContract } from "../../contracts/random-contract.ts";

randomContract("the machine's randomness", systemRandom);
