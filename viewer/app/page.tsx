import { StudyList } from "@/components/StudyList";

export default function StudiesPage() {
  return <StudyList />;
}
