"""What a cross-reference manager says by HL7 v2."""


def answered(question: bytes, event: str, status: str, *patients: str, code: str = "AA") -> bytes:
    """As a PIX manager answers: MSA, QAK, the question, and one PID for each patient."""
    lines = question.decode().split("\r")
    msh, qpd = lines[0].split("|"), lines[1]
    return "\r".join([
        f"MSH|^~\\&|MPI|REGION|MEDIVIEW||20260101||RSP^{event}|1|P|2.5||||||UNICODE UTF-8",
        f"MSA|{code}|{msh[9]}",
        f"QAK|{qpd.split('|')[2]}|{status}",
        qpd,
        *patients,
        "",
    ]).encode()  # fmt: skip
