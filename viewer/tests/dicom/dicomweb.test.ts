import { describe, expect, it } from "vitest";
import { firstPart } from "@/dicom/dicomweb";
import { problemFrom } from "@/shared/api/problem";

const text = new TextEncoder();

describe("the first part of a multipart answer", () => {
  const body = text.encode(
    "--abc\r\nContent-Type: application/dicom\r\n\r\nDICM--ab\r\n\0\r\n--abc--\r\n",
  );

  it("is cut at the boundary and nowhere before", () => {
    const part = firstPart(body, 'multipart/related; type="application/dicom"; boundary=abc');
    expect(new TextDecoder().decode(part)).toBe("DICM--ab\r\n\0");
  });

  it("may have its boundary in quotation marks", () => {
    const part = firstPart(body, 'multipart/related; boundary="abc"; type="application/dicom"');
    expect(part.byteLength).toBe(11);
  });

  it("is the whole body of an answer that is not multipart", () => {
    expect(firstPart(text.encode("DICM"), "application/dicom").byteLength).toBe(4);
  });

  it("is refused when the answer was cut short", () => {
    expect(() => firstPart(body.slice(0, 50), "multipart/related; boundary=abc")).toThrow("cut short");
  });
});

describe("an error of the node", () => {
  it("carries detail and remedy", () => {
    const problem = problemFrom(404, '{"title":"Not found","detail":"No study 9.9.","remedy":"Look in the list.","code":"not_found"}');
    expect(problem).toMatchObject({ status: 404, detail: "No study 9.9.", remedy: "Look in the list.", code: "not_found" });
  });

  it("is told by its status when the body is something else", () => {
    expect(problemFrom(502, "<html>").title).toContain("502");
  });
});
