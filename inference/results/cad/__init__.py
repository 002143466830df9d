"""Computer-aided detection for workstations of mammography and chest (PS3.16 TID 4000, 4100)."""
