import { useText } from "@/shared/hooks/useText";
import type { DicomJson } from "@/dicom/dicomweb";
import { structureSetOf } from "@/dicom/segmentation/structureSet";

/** What a structure set holds: its ROIs by name, what they are meant to be, and how they were made. */
export function RoiFacts({ dataset }: { dataset: DicomJson }) {
  const { viewing: t } = useText();
  const { rois } = structureSetOf(dataset);
  return (
    <ul className="list-disc pl-5" data-testid="roi-facts">
      {rois.map(({ number, name, interpretedType, algorithm, contours }) => (
        <li key={number}>
          {name}
          <span className="ml-2 text-xs text-dim">
            {[interpretedType, algorithm, t.contours.count(contours.length)].filter(Boolean).join(", ")}
          </span>
        </li>
      ))}
    </ul>
  );
}
