import type { KeptUploads, Unfinished } from "@/features/uploads/lib/unfinished";
import { uploads } from "@/features/uploads/lib/uploadApi";

/** Of the uploads that this browser knows, those that the node still takes parts of. */
export async function leftOf(kept: KeptUploads): Promise<Unfinished[]> {
  const known = await Promise.all(
    kept.all().map(async (one) => {
      const status = await uploads.look(one.uploadId).catch(() => null);
      if (status?.state === "presigned") return one;
      // A node that does not answer now may still hold it.
      if (status) kept.forget(one.uploadId);
      return null;
    }),
  );
  return known.filter((one) => one !== null);
}
