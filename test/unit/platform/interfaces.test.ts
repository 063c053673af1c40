import { interfacesAt } from "../../../sim/machine.ts";
import { systemInterfaces } from "../../../src/node/platform/interfaces.ts";
import { interfacesContract } from "../../contracts/interfaces-contract.ts";

interfacesContract("this machine", systemInterfaces);
interfacesContract("a machine in the simulator", () => ({ addresses: () => interfacesAt("10.0.0.7:7444") }));
