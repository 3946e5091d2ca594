"""Results that papers print, as tables: nothing here was measured by evo-nas."""
