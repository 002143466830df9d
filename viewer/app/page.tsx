import { Suspense } from "react";
import { StudyList } from "@/features/studies/components/StudyList";
import { Opening } from "@/shared/components/Opening";

export default function StudiesPage() {
  // What the list shows is read from its address, which a static page does not have.
  return (
    <Suspense fallback={<Opening />}>
      <StudyList />
    </Suspense>
  );
}
