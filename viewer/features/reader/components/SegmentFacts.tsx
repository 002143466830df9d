import { useText } from "@/shared/hooks/useText";
import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";

/** What a segmentation holds: its segments by name, and its matrix. */
export function SegmentFacts({ dataset }: { dataset: DicomJson }) {
  const { viewing: t } = useText();
  const [rows = 0] = numbersOf(dataset, "00280010");
  const [columns = 0] = numbersOf(dataset, "00280011");
  const segments = itemsOf(dataset, "00620002");
  return (
    <>
      <p className="text-dim">
        {t.document.segmentation(stringOf(dataset, "00620001"), columns, rows, segments.length)}
      </p>
      <ul className="mt-1 list-disc pl-5">
        {segments.map((segment) => (
          <li key={stringOf(segment, "00620004")}>
            {stringOf(segment, "00620005") || stringOf(segment, "00620004")}
            <span className="ml-2 text-xs text-dim">{stringOf(segment, "00620009")}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
