import { describe, expect, test } from "vitest";
import { Secret } from "../../../src/core/secret.ts";
import {
  amzTime,
  authorization,
  type Credentials,
  queryText,
  sha256Hex,
} from "../../../src/node/platform/backup/sigv4.ts";

const EMPTY = sha256Hex("");
const signatureIn = (header: string) => header.slice(header.indexOf("Signature=") + "Signature=".length);

function credentials(accessKeyId: string, secret: string): Credentials {
  return { accessKeyId, secretAccessKey: new Secret(new TextEncoder().encode(secret)), sessionToken: null };
}

describe("AWS Signature Version 4", () => {
  // https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, all four examples.
  const host = "examplebucket.s3.amazonaws.com";
  const time = "20130524T000000Z";
  const own = () => credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
  const scope = { region: "us-east-1", service: "s3", time };
  const base = { host, "x-amz-date": time, "x-amz-content-sha256": EMPTY };
  const put = sha256Hex("Welcome to Amazon S3.");

  test.each([
    [
      "GET of an object",
      { method: "GET", path: "/test.txt", query: {}, headers: { ...base, range: "bytes=0-9" }, payloadHash: EMPTY },
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ],
    [
      "PUT of an object",
      {
        method: "PUT",
        path: "/test%24file.text",
        query: {},
        headers: {
          ...base,
          date: "Fri, 24 May 2013 00:00:00 GMT",
          "x-amz-content-sha256": put,
          "x-amz-storage-class": "REDUCED_REDUNDANCY",
        },
        payloadHash: put,
      },
      "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ],
    [
      "GET of a bucket's lifecycle",
      { method: "GET", path: "/", query: { lifecycle: "" }, headers: base, payloadHash: EMPTY },
      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ],
    [
      "list of a bucket",
      { method: "GET", path: "/", query: { "max-keys": "2", prefix: "J" }, headers: base, payloadHash: EMPTY },
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ],
  ])("signs the published example of a %s", (_, request, signature) => {
    expect(signatureIn(authorization(request, scope, own()))).toBe(signature);
  });

  // The published test suite (aws-sig-v4-test-suite), get-vanilla and get-vanilla-query-order-key-case.
  test.each([
    ["get-vanilla", {}, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"],
    [
      "get-vanilla-query-order-key-case",
      { Param2: "value2", Param1: "value1" },
      "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ],
  ])("signs %s of the test suite", (_, query, signature) => {
    const at = "20150830T123600Z";
    const request = {
      method: "GET",
      path: "/",
      query,
      headers: { host: "example.amazonaws.com", "x-amz-date": at },
      payloadHash: EMPTY,
    };
    const suite = { region: "us-east-1", service: "service", time: at };
    const header = authorization(
      request,
      suite,
      credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    );
    expect(signatureIn(header)).toBe(signature);
  });

  test("writes times and queries as it wants them", () => {
    expect(amzTime(new Date(Date.UTC(2013, 4, 24)))).toBe(time);
    expect(queryText({ "continuation-token": "1/a+b=", b: "*'" })).toBe("b=%2A%27&continuation-token=1%2Fa%2Bb%3D");
  });
});
